// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { eventSettings } from "./event-settings.ts";

const NONE = {
  exportAllowlist: [],
  exportDenylist: [],
  fieldFilters: [],
  redactionFilters: [],
  enableProcessCred: false,
};

describe("eventSettings", () => {
  it("takes filters one a line, several times, and as a list", () => {
    const settings = eventSettings({
      ...NONE,
      exportAllowlist: [
        '{"event_set":["PROCESS_EXEC"]}\n\n {"binary_regex":["^/bin/"]}',
        '[{"policy_names":["a"]},{"namespace":[""]}]',
      ],
      exportDenylist: ['{"health_check":true}'],
      fieldFilters: ['{"fields":"process.cap","action":"EXCLUDE"}'],
      redactionFilters: ['{"redact":["--password=(\\\\S+)"]}'],
    });
    expect(settings.view).toBeDefined();
    expect(settings.redact("/bin/x", "--password=secret -v")).toBe("--password=***** -v");
  });

  it("does without any", () => {
    const { view, redact } = eventSettings(NONE);
    expect(view).toBeUndefined();
    expect(redact("/bin/x", "--password=secret")).toBe("--password=secret");
  });

  it("names everything that is wrong at once", () => {
    const wrong = {
      ...NONE,
      exportAllowlist: ["{", '{"binary_regexp":["x"]}', '{"binary_regex":["("]}'],
      exportDenylist: ['{"event_set":["EXEC"]}'],
      fieldFilters: ['{"fields":"nothing.like.this"}'],
      redactionFilters: ['{"redact":["no group"]}'],
    };
    expect(() => eventSettings(wrong)).toThrow(
      /--export-allowlist: not JSON.*binary_regexp.*--export-denylist: event_set\[0\].*--export-allowlist\[0\]\.binary_regex\[0\].*--field-filters\[0\].*--redaction-filters\[0\]\.redact\[0\]/s,
    );
  });
});
