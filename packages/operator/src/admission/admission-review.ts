// SPDX-License-Identifier: Apache-2.0

/** A review request of the API server (admission.k8s.io/v1 AdmissionRequest): the fields that are read. */
export type Review = {
  readonly uid: string;
  /** `CREATE`, `UPDATE`, `DELETE` or `CONNECT`. */
  readonly operation: string;
  readonly group: string;
  readonly kind: string;
  /** Plural name, such as `pods`. */
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly namespace: string;
  readonly object: JsonObject | undefined;
  /** The stored object; undefined when the object is created. */
  readonly oldObject: JsonObject | undefined;
  /** Of the client that sent the request, as authenticated. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly isDryRun: boolean;
};

export type JsonObject = Readonly<Record<string, unknown>>;

/** Undefined if the body is not an AdmissionReview of version v1 with a request. */
export function readReview(body: Buffer): Review | undefined {
  const review = parse(body);
  const request = review?.apiVersion === apiVersion ? objectOf(review.request) : undefined;
  const uid = request?.uid;
  if (request === undefined || typeof uid !== "string" || uid === "" || uid.length > 256)
    return undefined;
  const kind = objectOf(request.kind);
  const userInfo = objectOf(request.userInfo);
  const groups = Array.isArray(userInfo?.groups) ? userInfo.groups.map(textOf) : [];
  return {
    uid,
    operation: textOf(request.operation),
    group: textOf(kind?.group),
    kind: textOf(kind?.kind),
    resource: textOf(objectOf(request.resource)?.resource),
    subresource: textOf(request.subResource),
    name: textOf(request.name),
    namespace: textOf(request.namespace),
    object: objectOf(request.object),
    oldObject: objectOf(request.oldObject),
    user: textOf(userInfo?.username),
    groups,
    isDryRun: request.dryRun === true,
  };
}

const apiVersion = "admission.k8s.io/v1";

/** metav1.Status; kubectl shows its causes or, without causes, its message. */
export type RefusalStatus = {
  readonly message: string;
  readonly causes: readonly {
    readonly reason: "FieldValueInvalid";
    readonly field: string;
    readonly message: string;
  }[];
};

export type Verdict = {
  /** Undefined if the object may be stored. */
  readonly refusal: RefusalStatus | undefined;
  readonly warnings: readonly string[];
};

/** The response for the API server. */
export function answerReview(review: Review, { refusal, warnings }: Verdict): object {
  const { uid, group, kind, name } = review;
  const status = refusal && {
    status: "Failure",
    code: 422,
    reason: "Invalid",
    message: refusal.message,
    details: { group, kind, name, causes: refusal.causes },
  };
  return {
    apiVersion,
    kind: "AdmissionReview",
    response: {
      uid,
      allowed: refusal === undefined,
      ...(status && { status }),
      ...(warnings.length > 0 && { warnings }),
    },
  };
}

/**
 * The response that allows whatever was requested. The audit log, if there is one, shows the review's UID
 * beside the request (`sessions.gander.dev/request`).
 */
export function allowReview({ uid }: Review): object {
  return {
    apiVersion,
    kind: "AdmissionReview",
    response: { uid, allowed: true, auditAnnotations: { request: uid } },
  };
}

function parse(body: Buffer): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(body.toString("utf8")));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
