// SPDX-License-Identifier: Apache-2.0
import {
  type ListTracingPoliciesResponse,
  serviceDefinition,
  type TracingPolicyStatus,
} from "@gander/proto";
import { Client, credentials } from "@grpc/grpc-js";

const socket = "/var/run/gander/gander.sock";
const methods = serviceDefinition("tetragon.FineGuidanceSensors");

/** The requests of `gander policy …`, without starting a program for each. */
export interface SensorClient extends Disposable {
  policies(): Promise<readonly TracingPolicyStatus[]>;
  add(yaml: string): Promise<void>;
  delete(name: string): Promise<void>;
  configure(name: string, change: { enable?: boolean; mode?: string }): Promise<void>;
}

/** Every method rejects with the gRPC status, or after a minute. */
export function connectToSensor(): SensorClient {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
    // A connection of its own for each sensor of a siege.
    "grpc.use_local_subchannel_pool": 1,
  });
  const call = <T>(name: string, request: object): Promise<T> =>
    new Promise((done, fail) => {
      const method = methods[name];
      if (method === undefined) throw new Error(`There is no method ${name}`);
      // No gRPC deadline, which is a time of day: clocks jump here.
      const pending = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error, reply) => {
          clearTimeout(timer);
          if (error === null) done(reply as T);
          else fail(error);
        },
      );
      const timer = setTimeout(() => pending.cancel(), 60_000);
    });
  const key = (name: string) => ({ name, namespace: "", domain: "grpc" });
  return {
    policies: async () =>
      (await call<ListTracingPoliciesResponse>("ListTracingPolicies", { domain: "" })).policies ??
      [],
    add: async (yaml) => void (await call("AddTracingPolicy", { yaml })),
    delete: async (name) => void (await call("DeleteTracingPolicy", key(name))),
    configure: async (name, change) =>
      void (await call("ConfigureTracingPolicy", { ...key(name), ...change })),
    [Symbol.dispose]: () => client.close(),
  };
}
