{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* Names are fixed: the operator finds its Lease, Secret and ConfigMap by them, and a cluster has one Gander. */ -}}

{{- define "gander.labels" -}}
app.kubernetes.io/part-of: gander
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "gander.image" -}}
{{ required "Set image.repository to where the image with gander and gander-operator is kept." .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
