// SPDX-License-Identifier: Apache-2.0
import type { Metadata, Server, ServiceDefinition, UntypedHandleCall } from "@grpc/grpc-js";
import { rawMethod } from "../wire/raw-method.ts";
import { statusOf } from "./call-problem.ts";
import type { FleetCall, FleetMethod } from "./fleet-method.ts";

/** Runs before a method answers, and may answer in its place. Throws CallProblem. */
export type Serve = (
  method: FleetMethod,
  call: FleetCall,
  options: { readonly signal: AbortSignal; readonly metadata: Metadata },
) => Promise<void>;

/** Adds methods to a server. `ending` ends all calls, including endless ones. */
export function serveMethods(
  server: Server,
  methods: readonly FleetMethod[],
  { serve, ending }: { readonly serve: Serve; readonly ending: () => AbortSignal },
): void {
  const handler = (method: FleetMethod) => async (call: FleetCall) => {
    const gone = new AbortController();
    call.once("cancelled", () => gone.abort());
    call.on("error", () => gone.abort());
    const end = ending();
    try {
      const signal = AbortSignal.any([gone.signal, end]);
      await serve(method, call, { signal, metadata: call.metadata });
      if (end.aborted) end.throwIfAborted();
      call.end();
    } catch (error) {
      if (gone.signal.aborted) return;
      call.emit("error", statusOf(end.aborted ? end.reason : error));
    }
  };
  const definition = Object.fromEntries(methods.map(({ path }) => [path, rawMethod(path, "one")]));
  const handlers = methods.map((method) => [
    method.path,
    (call: FleetCall) => void handler(method)(call),
  ]);
  server.addService(
    definition as unknown as ServiceDefinition,
    Object.fromEntries(handlers) as Record<string, UntypedHandleCall>,
  );
}
