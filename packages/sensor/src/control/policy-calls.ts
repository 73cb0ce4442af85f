// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type {
  AddTracingPolicyRequest,
  ConfigureTracingPolicyRequest,
  DeleteTracingPolicyRequest,
  ListTracingPoliciesRequest,
  ListTracingPoliciesResponse,
} from "@gander/proto";
import { status as grpcStatus } from "@grpc/grpc-js";
import type { PolicyKey, PolicyOrigin } from "../policy/policy-state.ts";
import { CallError, invalidArgument, problemsError } from "./call-error.ts";
import type { ControlledPolicies, PolicyCheck } from "./policies.ts";
import { policyStatus } from "./policy-status.ts";

/** A domain is the source of a policy: this interface, files of a directory, or the cluster's operator. */
export const domains: readonly PolicyOrigin[] = ["grpc", "static", "operator"];

type NamedPolicy = Pick<PolicyKey, "name" | "namespace">;

type Named = {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly domain?: string | undefined;
};

/** The calls about policies; they throw CallError. */
export function createPolicyCalls(policies: ControlledPolicies, check: PolicyCheck) {
  /** Without a domain: the policy of this interface, else that of a file, else the operator's. */
  const keyOf = ({ name = "", namespace = "", domain = "" }: Named): PolicyKey => {
    if (name === "") throw invalidArgument("name: the name of a policy is missing");
    if (domain !== "") return { name, namespace, origin: originOf(domain) };
    const found = domains.find((origin) =>
      policies
        .list()
        .some(
          (policy) =>
            policy.origin === origin && policy.name === name && policy.namespace === namespace,
        ),
    );
    return { name, namespace, origin: found ?? "grpc" };
  };

  const addError = (problems: readonly Problem[], { name, namespace }: NamedPolicy): CallError => {
    const { code, details } = problemsError(problems, grpcStatus.FAILED_PRECONDITION);
    const stays = policies
      .list()
      .some(
        (one) =>
          one.origin === "grpc" &&
          one.name === name &&
          one.namespace === namespace &&
          one.state === "load-error",
      );
    const remark = "It stays listed as load_error until it is deleted or added again.";
    return stays ? new CallError(code, `${details}\n${remark}`) : new CallError(code, details);
  };

  return {
    async add({ yaml = "", domain = "" }: AddTracingPolicyRequest): Promise<void> {
      if (domain !== "" && originOf(domain) !== "grpc")
        throw invalidArgument(
          'domain: what is added here belongs to "grpc"; for "static" write a file, for "operator" use kubectl',
        );
      const { value, problems = [] } = check(yaml, { file: "" });
      if (value === undefined) throw problemsError(problems, grpcStatus.INVALID_ARGUMENT);
      for (const policy of value) {
        const { problems } = await policies.add(policy, "grpc");
        if (problems !== undefined) throw addError(problems, policy.compiled);
      }
    },
    async remove(request: DeleteTracingPolicyRequest): Promise<void> {
      unwrap(await policies.remove(keyOf(request)));
    },
    async setEnabled(request: Named, to: "enabled" | "disabled"): Promise<void> {
      unwrap(await policies.setEnabled(keyOf(request), to));
    },
    async configure(request: ConfigureTracingPolicyRequest): Promise<void> {
      const { enable, mode, rearm_fuse: rearms = false } = request;
      if (enable === undefined && mode === undefined && !rearms)
        throw invalidArgument("nothing to configure: give enable, mode or rearm_fuse");
      const key = keyOf(request);
      if (rearms) unwrap(await policies.rearm(key));
      if (mode !== undefined) {
        const to = modeOf(mode);
        unwrap(await policies.setMode(key, to));
      }
      if (enable !== undefined)
        unwrap(await policies.setEnabled(key, enable ? "enabled" : "disabled"));
    },
    list({ domain = "" }: ListTracingPoliciesRequest): ListTracingPoliciesResponse {
      const origin = domain === "" ? undefined : originOf(domain);
      const wanted = policies
        .list()
        .filter((policy) => policy.origin === (origin ?? policy.origin));
      return { policies: wanted.map(policyStatus) };
    },
  };
}

function originOf(domain: string): PolicyOrigin {
  const origin = domains.find((known) => known === domain);
  if (origin === undefined)
    throw invalidArgument(`domain: "${domain}" is none of ${domains.join(", ")}`);
  return origin;
}

function modeOf(mode: NonNullable<ConfigureTracingPolicyRequest["mode"]>): "enforce" | "monitor" {
  if (mode === "TP_MODE_ENFORCE") return "enforce";
  if (mode === "TP_MODE_MONITOR") return "monitor";
  throw invalidArgument(`mode: must be TP_MODE_ENFORCE or TP_MODE_MONITOR, not ${mode}`);
}

function unwrap<T>(result: Result<T>): void {
  if (result.problems !== undefined)
    throw problemsError(result.problems, grpcStatus.FAILED_PRECONDITION);
}
