{{/* The operator's own file. Whatever it refuses, values.schema.json does as well. */}}
{{- define "isochrone.settings.content" -}}
{{- toYaml .Values.settings }}
{{- end }}
