// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import { decodePolicy, encodePolicy } from "@gander/policy/content";
import {
  type FleetCheck,
  type FleetReport as FleetReportMessage,
  streamCodec,
} from "@gander/proto/stream";
import { type Client, type ClientDuplexStream, status } from "@grpc/grpc-js";
import type { CheckFleet, FleetReport } from "../admission/fleet-report.ts";
import { reportOfMessage, reportToMessage } from "../admission/fleet-report-messages.ts";
import type { ReplicaCall } from "./reporting-replicas.ts";

export const checkPath = "/gander.v1.Peers/CheckFleet";

const checks = streamCodec("gander.v1.FleetCheck");
const reports = streamCodec("gander.v1.FleetReport");
const asIs = (bytes: Buffer) => bytes;
const asBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Less than the caller waits, so that findings made in time are reported. */
const checkMs = 1_500;

/** Answers another replica; a policy that can't be decoded has no findings. */
export async function answerCheck(
  checkFleet: CheckFleet,
  { question = 0, policy: bytes = new Uint8Array() }: FleetCheck,
): Promise<FleetReportMessage> {
  const { value } = decodePolicy(bytes, { name: "", namespace: "" });
  if (value === undefined) return { question };
  const report = await checkFleet(value, { signal: AbortSignal.timeout(checkMs) }).catch(() => {});
  return { ...(report && reportToMessage(report)), question };
}

/** At the holder: one question, one answer. */
export function createServeChecks(checkFleet: CheckFleet): (call: ReplicaCall) => void {
  return (call) => {
    call.on("error", () => {});
    call.once("data", async (bytes: Buffer) => {
      try {
        const answer = await answerCheck(checkFleet, checks.decode(bytes));
        if (call.cancelled) return;
        call.write(asBuffer(reports.encode(answer)));
        call.end();
      } catch {
        call.emit("error", {
          code: status.INVALID_ARGUMENT,
          details: "A message is not a gander.v1.FleetCheck",
        });
      }
    });
  };
}

/** Asks the holder. Rejects if it can't be reached. */
export function askHolder(
  client: Client,
  policy: CompiledPolicy,
  { signal }: { readonly signal: AbortSignal },
): Promise<FleetReport> {
  const call = client.makeBidiStreamRequest(checkPath, asIs, asIs) as unknown as ClientDuplexStream<
    Buffer,
    Buffer
  >;
  const cancel = () => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<FleetReport>();
  call.on("error", reject);
  call.once("data", (bytes: Buffer) => {
    try {
      resolve(reportOfMessage(reports.decode(bytes)));
    } catch (error) {
      reject(error);
    }
  });
  call.once("end", () => reject(new Error("The holder gave no answer")));
  call.write(asBuffer(checks.encode({ policy: encodePolicy(policy).bytes })));
  call.end();
  return promise.finally(() => signal.removeEventListener("abort", cancel));
}
