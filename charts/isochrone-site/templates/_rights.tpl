{{/* Written by `make generate` from operator/isochrone/render/rights.py. */}}
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
{{- define "isochrone.rights.leading" -}}
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
