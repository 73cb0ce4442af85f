{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* Names are fixed: the operator finds its Lease, Secret and ConfigMap by them, and a cluster has one Gander. */ -}}

{{- define "gander.labels" -}}
app.kubernetes.io/part-of: gander
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Takes the root context and the name of an image: dict "root" . "name" "sensor" */ -}}
{{- define "gander.image" -}}
{{- $repository := required "Set image.repository to where the images are kept: REPOSITORY/sensor and REPOSITORY/operator." .root.Values.image.repository -}}
{{ $repository }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}
