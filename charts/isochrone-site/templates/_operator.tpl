{{/*
What the hub's operator and that of a site have in common. charts/isochrone has the original; the copy in
charts/isochrone-site is written by `make generate`.

The names are fixed: the Lease, the account that `isochrone site join` grants rights to, and the policies of gateways go
by them. So there is one operator in a cluster, in isochrone-system.
*/}}

{{- define "isochrone.check" -}}
{{- if ne .Release.Namespace "isochrone-system" }}
{{- fail (printf "the operator runs in the namespace isochrone-system, not in %s: say --namespace isochrone-system --create-namespace" .Release.Namespace) }}
{{- end }}
{{- end }}

{{- define "isochrone.selector" -}}
app.kubernetes.io/name: isochrone-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "isochrone.labels" -}}
{{ include "isochrone.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: isochrone
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The reference of an image: (list $ .Values.image) */}}
{{- define "isochrone.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 }}
{{- printf "%s/%s" (default $image.registry $root.Values.global.imageRegistry) $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- define "isochrone.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: isochrone-operator
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "isochrone.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- /* A role and its binding: (dict "root" $ "kind" "ClusterRole" "name" ... "account" ... "rules" "...") */}}
{{- define "isochrone.role" -}}
{{- range $kind := list .kind (printf "%sBinding" .kind) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $.name }}
  {{- if hasPrefix "Role" $kind }}
  namespace: {{ $.root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "isochrone.labels" $.root | nindent 4 }}
{{- if eq $kind $.kind }}
rules:
  {{- $.rules | nindent 2 }}
{{- else }}
subjects:
  - kind: ServiceAccount
    name: {{ $.account }}
    namespace: {{ $.root.Release.Namespace }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $.kind }}
  name: {{ $.name }}
{{- end }}
{{- end }}
{{- end }}

{{- define "isochrone.settings" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: isochrone-operator-settings
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "isochrone.labels" . | nindent 4 }}
data:
  settings.yaml: |
    {{- include "isochrone.settings.content" . | nindent 4 }}
{{- end }}

{{- /* (dict "root" $ "args" (list ...) "volumes" "..." "mounts" "...") */}}
{{- define "isochrone.deployment" -}}
{{- $root := .root }}{{ $values := .root.Values }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: isochrone-operator
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "isochrone.labels" $root | nindent 4 }}
  {{- with $values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  replicas: {{ $values.replicas }}
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "isochrone.selector" $root | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        {{- include "isochrone.labels" $root | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: operator
        isochrone.dev/settings: {{ include "isochrone.settings.content" $root | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: isochrone-operator
      automountServiceAccountToken: true
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with $values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml (merge (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) $values.podSecurityContext) | nindent 8 }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.runtimeClassName }}
      runtimeClassName: {{ . }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.topologySpread }}
      topologySpreadConstraints:
        {{- range . }}
        - {{- toYaml . | nindent 10 }}
          labelSelector:
            matchLabels:
              {{- include "isochrone.selector" $root | nindent 14 }}
          matchLabelKeys:
            - pod-template-hash
        {{- end }}
      {{- end }}
      containers:
        - name: operator
          image: {{ include "isochrone.image" (list $root $values.image) }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command:
            - isochrone
          args:
            - operator
            - --health=:8080
            - --log-level={{ $values.logging.level }}
            - --installation={{ $values.installation }}
            - --settings=/etc/isochrone/settings/settings.yaml
            {{- range .args }}
            - {{ . }}
            {{- end }}
          env:
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            - name: health
              containerPort: 8080
              protocol: TCP
          {{- range $probe, $path := dict "livenessProbe" "/healthz" "readinessProbe" "/readyz" "startupProbe" "/healthz" }}
          {{ $probe }}:
            httpGet:
              path: {{ $path }}
              port: health
            {{- toYaml (index $values $probe) | nindent 12 }}
          {{- end }}
          {{- with $values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop:
                - ALL
          terminationMessagePolicy: FallbackToLogsOnError
          volumeMounts:
            - name: settings
              mountPath: /etc/isochrone/settings
              readOnly: true
            {{- with .mounts }}
            {{- . | nindent 12 }}
            {{- end }}
            - name: tmp
              mountPath: /tmp
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: settings
          configMap:
            name: isochrone-operator-settings
        {{- with .volumes }}
        {{- . | nindent 8 }}
        {{- end }}
        # Client certificates of kubeconfigs are written there for a moment.
        - name: tmp
          emptyDir:
            medium: Memory
            sizeLimit: 16Mi
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}

{{- define "isochrone.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: isochrone-operator
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "isochrone.labels" . | nindent 4 }}
spec:
  # Health and metrics of every pod by itself: nothing is balanced.
  clusterIP: None
  selector:
    {{- include "isochrone.selector" . | nindent 4 }}
  ports:
    - name: health
      port: 8080
      targetPort: health
      protocol: TCP
{{- end }}

{{- define "isochrone.poddisruptionbudget" -}}
{{- if and .Values.podDisruptionBudget.enabled (gt (int .Values.replicas) 1) }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: isochrone-operator
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "isochrone.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
  # A pod that isn't well holds no node up.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "isochrone.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "isochrone.networkpolicy" -}}
{{- with .Values.networkPolicy }}
{{- if .enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: isochrone-operator
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "isochrone.labels" $ | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "isochrone.selector" $ | nindent 6 }}
  policyTypes:
    - Ingress
    {{- if .egress.enabled }}
    - Egress
    {{- end }}
  ingress:
    # Health and metrics. Probes come from the node, which policies don't keep out.
    - from:
        - namespaceSelector:
            {{- if .monitoringNamespaces }}
            matchExpressions:
              - key: kubernetes.io/metadata.name
                operator: In
                values:
                  {{- toYaml .monitoringNamespaces | nindent 18 }}
            {{- else }} {}
            {{- end }}
      ports:
        - port: health
          protocol: TCP
  {{- if .egress.enabled }}
  egress:
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .egress.dnsNamespace }}
      ports:
        - port: 53
          protocol: UDP
        - port: 53
          protocol: TCP
    # API servers, of this cluster and of sites.
    - ports:
        {{- range .egress.apiServerPorts }}
        - port: {{ . }}
          protocol: TCP
        {{- end }}
    {{- with .egress.extra }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "isochrone.servicemonitor" -}}
{{- with .Values.serviceMonitor }}
{{- if and .enabled (ne (default "Pull" $.Values.delivery) "Push") }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: isochrone-operator
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "isochrone.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "isochrone.selector" $ | nindent 6 }}
  namespaceSelector:
    matchNames:
      - {{ $.Release.Namespace }}
  endpoints:
    - port: health
      path: /metrics
      # Its metrics have a label `namespace` of their own: that of the object which they tell of.
      honorLabels: true
      {{- with .interval }}
      interval: {{ . }}
      {{- end }}
      {{- with .scrapeTimeout }}
      scrapeTimeout: {{ . }}
      {{- end }}
      {{- with .metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* All groups of files/rules, without what is disabled. */}}
{{- define "isochrone.prometheusrule" -}}
{{- with .Values.prometheusRule }}
{{- if .enabled }}
{{- $groups := list }}
{{- range $path, $_ := $.Files.Glob "files/rules/*.yaml" }}
{{- range (fromYaml ($.Files.Get $path)).groups }}
{{- $rules := list }}
{{- range .rules }}
{{- if not (has .alert $.Values.prometheusRule.disabled) }}
{{- $labels := merge (dict) $.Values.prometheusRule.alertLabels .labels }}
{{- $rules = append $rules (merge (dict "labels" $labels) .) }}
{{- end }}
{{- end }}
{{- if $rules }}
{{- $groups = append $groups (merge (dict "rules" $rules) .) }}
{{- end }}
{{- end }}
{{- end }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: isochrone
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "isochrone.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  groups:
    {{- toYaml $groups | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "isochrone.dashboards" -}}
{{- with .Values.dashboards }}
{{- if .enabled }}
{{- range $path, $_ := $.Files.Glob "files/dashboards/*.json" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: isochrone-dashboard-{{ base $path | trimSuffix ".json" }}
  namespace: {{ default $.Release.Namespace $.Values.dashboards.namespace }}
  labels:
    {{- include "isochrone.labels" $ | nindent 4 }}
    {{- with $.Values.dashboards.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $.Values.dashboards.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  isochrone-{{ base $path }}: |
    {{- $.Files.Get $path | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "isochrone.extra" -}}
{{- range .Values.extraObjects }}
---
{{ tpl (kindIs "string" . | ternary . (toYaml .)) $ }}
{{- end }}
{{- end }}
