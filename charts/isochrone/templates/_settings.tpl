{{/* The operator's own file. Whatever it refuses, values.schema.json does as well. */}}
{{- define "isochrone.settings.content" -}}
{{- $image := include "isochrone.image" (list . .Values.gatewayImage) }}
{{- $images := dict "gatewayImage" $image "fetchImage" $image }}
{{- $rendering := merge (dict) .Values.settings.rendering $images }}
{{- toYaml (merge (dict "rendering" $rendering) .Values.settings) }}
{{- end }}
