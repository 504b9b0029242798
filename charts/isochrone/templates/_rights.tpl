{{/* Written by `make generate` from operator/isochrone/render/rights.py. */}}
{{- define "isochrone.rights.hub" -}}
# what is declared
- apiGroups: ["isochrone.dev"]
  resources: ["edgenodes", "gpupools", "modelroutes", "dataresidencypolicies", "modelproviders", "inferencetenants"]
  verbs: ["list", "watch"]
# what became of it
- apiGroups: ["isochrone.dev"]
  resources: ["edgenodes/status", "gpupools/status", "modelroutes/status", "dataresidencypolicies/status", "modelproviders/status", "inferencetenants/status"]
  verbs: ["patch"]
# a site that is deleted is held until its cluster is clean (finalizers)
- apiGroups: ["isochrone.dev"]
  resources: ["edgenodes"]
  verbs: ["patch"]
# labels of namespaces, by which policies bind
- apiGroups: [""]
  resources: ["namespaces"]
  verbs: ["list", "watch"]
# what happened, for `kubectl describe`
- apiGroups: ["events.k8s.io"]
  resources: ["events"]
  verbs: ["create"]
# clusters of sites that are declared as ClusterProfiles
- apiGroups: ["multicluster.x-k8s.io"]
  resources: ["clusterprofiles"]
  verbs: ["list"]
# the kinds that the API server has; all who are known have this already, unless it was withdrawn
- nonResourceURLs: ["/api", "/api/*", "/apis", "/apis/*"]
  verbs: ["get"]
{{- end }}
{{- define "isochrone.rights.hubSystem" -}}
# kubeconfigs of sites and keys of providers, which are there; keys of our own, which are made and renewed
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["list", "watch", "create", "update"]
# a kubeconfig that is deleted is held until its site is gone (finalizers)
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["patch"]
# what was issued to which site, what all that pull are told, and anchors of evidence; for the first time
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["create"]
# what was issued to which site
- apiGroups: [""]
  resources: ["configmaps"]
  resourceNames: ["isochrone-releases"]
  verbs: ["get", "update"]
# digests of sites' evidence, and the public keys that vouch for it
- apiGroups: [""]
  resources: ["configmaps"]
  resourceNames: ["isochrone-anchors"]
  verbs: ["get", "update"]
# the law as all sites that pull are told it
- apiGroups: [""]
  resources: ["configmaps"]
  resourceNames: ["isochrone-announcement"]
  verbs: ["get", "update"]
# who of several replicas leads, said for the first time
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: ["create"]
# who of several replicas leads
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  resourceNames: ["isochrone-operator"]
  verbs: ["get", "update"]
{{- end }}
{{- define "isochrone.rights.member" -}}
# namespaces of routes are created where they are missing, and never changed or deleted
- apiGroups: [""]
  resources: ["namespaces"]
  verbs: ["get", "list", "create", "patch"]
# engines and gateways: their accounts and Services, in the namespaces of routes
- apiGroups: [""]
  resources: ["serviceaccounts", "services"]
  verbs: ["get", "list", "create", "patch", "delete"]
# engines and gateways themselves
- apiGroups: ["apps"]
  resources: ["deployments"]
  verbs: ["get", "list", "create", "patch", "delete"]
# who may reach engines and gateways, and what they may reach
- apiGroups: ["networking.k8s.io"]
  resources: ["networkpolicies"]
  verbs: ["get", "list", "create", "patch", "delete"]
# the same by domain name, with Cilium
- apiGroups: ["cilium.io"]
  resources: ["ciliumnetworkpolicies"]
  verbs: ["get", "list", "create", "patch", "delete"]
# the same by domain name, on GKE
- apiGroups: ["networking.gke.io"]
  resources: ["fqdnnetworkpolicies"]
  verbs: ["get", "list", "create", "patch", "delete"]
# how many pods of engines and gateways go at once when nodes are drained
- apiGroups: ["policy"]
  resources: ["poddisruptionbudgets"]
  verbs: ["get", "list", "create", "patch", "delete"]
# GPUs of engines, by dynamic resource allocation
- apiGroups: ["resource.k8s.io"]
  resources: ["resourceclaimtemplates"]
  verbs: ["get", "list", "create", "patch", "delete"]
# metrics of engines and gateways, with Prometheus' operator
- apiGroups: ["monitoring.coreos.com"]
  resources: ["podmonitors"]
  verbs: ["get", "list", "create", "patch", "delete"]
# gateways find engines by their EndpointSlices: Roles for that, in the namespaces of routes
- apiGroups: ["rbac.authorization.k8s.io"]
  resources: ["roles", "rolebindings"]
  verbs: ["get", "list", "create", "patch", "delete"]
# held, since it is granted to gateways
- apiGroups: ["discovery.k8s.io"]
  resources: ["endpointslices"]
  verbs: ["list", "watch"]
# where pods reach the API server, which network policies name
- apiGroups: ["discovery.k8s.io"]
  resources: ["endpointslices"]
  resourceNames: ["kubernetes"]
  verbs: ["get"]
# whether pods are left that a network policy guards, and which GPUs pods of others hold
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["list"]
# which nodes have the GPUs of a pool, and how many
- apiGroups: [""]
  resources: ["nodes"]
  verbs: ["list"]
# which GPUs claims of others hold
- apiGroups: ["resource.k8s.io"]
  resources: ["resourceclaims"]
  verbs: ["list"]
# the API server's version and kinds; all who are known have this already, unless it was withdrawn
- nonResourceURLs: ["/version", "/apis/*"]
  verbs: ["get"]
{{- end }}
{{- define "isochrone.rights.memberSystem" -}}
# configs of gateways, which read them by Roles of ours
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["get", "list", "create", "patch", "delete"]
# held, since it is granted to gateways
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["watch"]
# keys of providers and certificates of peers, for gateways
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["get", "list", "create", "patch", "delete"]
# gateways say on a Lease what they run, by Roles of ours
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: ["get", "list", "create", "patch", "delete"]
# gateways that keep evidence; their volumes are out of our reach
- apiGroups: ["apps"]
  resources: ["statefulsets"]
  verbs: ["get", "list", "create", "patch", "delete"]
# how many gateway pods there are
- apiGroups: ["autoscaling"]
  resources: ["horizontalpodautoscalers"]
  verbs: ["get", "list", "create", "patch", "delete"]
# how clients reach gateways through a Gateway
- apiGroups: ["gateway.networking.k8s.io"]
  resources: ["httproutes"]
  verbs: ["get", "list", "create", "patch", "delete"]
# gateways that peers reach through a multi-cluster Service
- apiGroups: ["multicluster.x-k8s.io"]
  resources: ["serviceexports"]
  verbs: ["get", "list", "create", "patch", "delete"]
# certificates of peers, where cert-manager issues them
- apiGroups: ["cert-manager.io"]
  resources: ["certificates"]
  verbs: ["get", "list", "create", "patch", "delete"]
{{- end }}
