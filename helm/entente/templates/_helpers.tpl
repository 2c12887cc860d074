{{- define "entente.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Short enough for the suffixes that some names get. */ -}}
{{- define "entente.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "entente.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "entente.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "entente.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "entente.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "entente.image" -}}
{{- $repository := required "image.repository is needed: where your image of the operator lies, as in --set image.repository=registry.example/entente (docs/how-to/install.md says how to build it)" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "entente.selectorLabels" -}}
app.kubernetes.io/name: {{ include "entente.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "entente.labels" -}}
{{ include "entente.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: entente
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The alerts about one notice: "pools" is a matcher of the pools that promise it, "seconds" is how long it is. */ -}}
{{- define "entente.noticeAlerts" -}}
{{- $late := printf "%d.0" (int .seconds) -}}
{{- $all := ternary (printf "{%s}" .pools) "" (ne .pools "") -}}
{{- $inTime := ternary (printf "%s, le=%q" .pools $late) (printf "le=%q" $late) (ne .pools "") -}}
- alert: EntenteNoticeMissed
  # One late reclaim makes at least 1: increase() only ever extrapolates upwards.
  expr: >-
    sum by (tenant, pool) (increase(entente_reclaim_duration_seconds_count{{ $all }}[15m]))
    - sum by (tenant, pool) (increase(entente_reclaim_duration_seconds_bucket{ {{- $inTime -}} }[15m])) > 0.5
  labels: {severity: critical}
  annotations:
    summary: {{`"A promise was broken: {{ $labels.tenant }} got GPUs of pool {{ $labels.pool }} back too late."`}}
    description: A reclaim took longer than the notice of {{ .seconds }} s.
- alert: EntenteReclaimSlow
  expr: >-
    histogram_quantile(0.9, sum by (tenant, pool, le) (rate(entente_reclaim_duration_seconds_bucket{{ $all }}[1h])))
    > {{ mulf 0.8 .seconds }}
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: {{`"{{ $labels.tenant }} gets GPUs of pool {{ $labels.pool }} back shortly before the notice ends."`}}
    description: {{`"1 reclaim in 10 takes {{ $value | humanizeDuration }} or more."`}}
{{- end -}}
