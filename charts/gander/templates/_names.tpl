{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* Names are fixed: the operator finds its Lease, Secret and ConfigMap by them, and a cluster has one Gander. */ -}}

{{- define "gander.labels" -}}
app.kubernetes.io/part-of: gander
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Takes the root context and the name of an image: list . "sensor" */ -}}
{{- define "gander.image" -}}
{{- $image := (index . 0).Values.image -}}
{{ required "Set image.repository to where the images are kept: REPOSITORY/sensor and REPOSITORY/operator." $image.repository }}/{{ index . 1 }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end }}
