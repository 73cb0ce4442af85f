// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "@gander/base";
import { KubeError, type KubeErrorCause } from "./kube-error.ts";

/** A response that reports no success, unprocessed. */
type RefusedAnswer = {
  /** The attempted task, e.g. `apply tracingpolicies "x"`; the message begins with "Cannot …: ". */
  readonly task: string;
  readonly status: number;
  /** The body, or the object of an ERROR event: a Status object, or any text of a proxy. */
  readonly body: unknown;
  /** The header's text: seconds, or a date. */
  readonly retryAfter?: string | undefined;
};

const hints: Readonly<Partial<Record<ErrorCode, string>>> = {
  "kube-unauthorized": "check that the token or client certificate is valid and of this cluster",
  "kube-forbidden": "grant it in a Role or ClusterRole",
  "kube-conflict": "read the object again and repeat the change",
  "kube-field-conflict": "let one of the managers give the field up",
};

/** From sigs.k8s.io/structured-merge-diff, which runs before validation. */
const schemaRefusal = "failed to create typed patch object";

const maxTextLength = 2000;
const maxCauses = 20;

/** Types a response by its status and reason (apimachinery `metav1.Status`, `StatusReason`). */
export function statusError(answer: RefusedAnswer): KubeError {
  const body = record(answer.body);
  const details = record(body.details);
  const status = typeof body.code === "number" && body.code > 0 ? body.code : answer.status;
  const reason = text(body.reason);
  const message = text(body.message);
  const schemaCauses = readSchemaCauses(message);
  const causes = schemaCauses.length > 0 ? schemaCauses : readCauses(details.causes);
  const code = codeOf(status, reason, causes, message);
  const hint = hints[code];
  return new KubeError(code, `Cannot ${answer.task}: ${explain(answer, body, status)}`, {
    status,
    reason,
    causes,
    retryable: isRetryable(code),
    retryAfterMs: retryAfterMs(answer.retryAfter, details.retryAfterSeconds),
    ...(hint === undefined ? {} : { hint }),
  });
}

function codeOf(
  status: number,
  reason: string,
  causes: readonly KubeErrorCause[],
  message: string,
): ErrorCode {
  // A lagging watch cache answers 504 to a version from the future, e.g. after a restore.
  if (causes.some((cause) => cause.reason === "ResourceVersionTooLarge")) return "kube-expired";
  if (message.startsWith("Too large resource version")) return "kube-expired";
  // The response, with status 500, to an apply patch that doesn't match the schema; it is permanent.
  if (message.startsWith(schemaRefusal)) return "kube-invalid";
  // A uid names one object: it was replaced by another of the same name.
  if (causes.some(({ field, message }) => field === "metadata.uid" && /immutable/.test(message))) {
    return "kube-conflict";
  }
  if (reason === "AlreadyExists") return "kube-already-exists";
  if (causes.some((cause) => cause.reason === "FieldManagerConflict")) return "kube-field-conflict";
  const known: Readonly<Record<number, ErrorCode>> = {
    400: "kube-invalid",
    401: "kube-unauthorized",
    403: "kube-forbidden",
    404: "kube-not-found",
    408: "kube-timeout",
    409: "kube-conflict",
    410: "kube-expired",
    422: "kube-invalid",
    429: "kube-throttled",
    504: "kube-timeout",
  };
  const code = known[status];
  if (code !== undefined) return code;
  if (status >= 500) return "kube-server";
  return status >= 400 ? "kube-invalid" : "kube-protocol";
}

function isRetryable(code: ErrorCode): boolean {
  return [
    "kube-conflict",
    "kube-expired",
    "kube-throttled",
    "kube-timeout",
    "kube-server",
  ].includes(code);
}

function explain(answer: RefusedAnswer, body: Record<string, unknown>, status: number): string {
  const message = text(body.message);
  if (message !== "") return shorten(message);
  const plain = typeof answer.body === "string" ? answer.body.trim() : "";
  return plain === ""
    ? `the server answered ${status}`
    : `the server answered ${status}: ${shorten(plain)}`;
}

function readCauses(value: unknown): KubeErrorCause[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxCauses).map((entry: unknown) => {
    const { reason, field, message } = record(entry);
    return { reason: text(reason), field: text(field), message: shorten(text(message)) };
  });
}

/** `failed to create typed patch object (…): .spec.x: field not declared in schema`, or one per line. */
function readSchemaCauses(message: string): KubeErrorCause[] {
  if (!message.startsWith(schemaRefusal)) return [];
  const found = message.matchAll(/(?:: |^ +)\.([^\s:]+): ([^\n]+)/gm);
  return [...found].slice(0, maxCauses).map(([, field = "", why = ""]) => ({
    reason: "FieldValueInvalid",
    field,
    message: shorten(why),
  }));
}

/** Both forms of RFC 9110 section 10.2.3; the larger of header and body is used. */
function retryAfterMs(header: string | undefined, seconds: unknown): number {
  const fromBody = typeof seconds === "number" && seconds > 0 ? seconds * 1000 : 0;
  if (header === undefined) return fromBody;
  const asSeconds = Number(header);
  const fromHeader = Number.isFinite(asSeconds)
    ? asSeconds * 1000
    : Date.parse(header) - Date.now();
  // NaN if it is not a date.
  return Math.max(fromBody, fromHeader || 0);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function shorten(value: string): string {
  return value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value;
}
