// SPDX-License-Identifier: Apache-2.0
import { SaxesParser } from "saxes";
import { describe, expect, it } from "vitest";
import { check, GOOD, HOSTILE_NAME, HOSTILE_POLICY, repository } from "./test-check.ts";

type Element = {
  name: string;
  attributes: Record<string, string>;
  inside: Element[];
  text: string;
};

/** A strict parser of XML; throws if it is not well-formed. */
function parse(xml: string): Element {
  const root: Element = { name: "", attributes: {}, inside: [], text: "" };
  const open = [root];
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    const element = { name, attributes, inside: [], text: "" };
    open.at(-1)?.inside.push(element);
    open.push(element);
  });
  parser.on("closetag", () => void open.pop());
  parser.on("text", (text) => {
    const element = open.at(-1);
    if (element) element.text += text;
  });
  parser.write(xml).close();
  const [suites] = root.inside;
  if (suites === undefined) throw new Error("There is no element");
  return suites;
}

const NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n";

describe("-o junit", () => {
  it("has a suite for each file, and a case for each policy or problem", async () => {
    using repo = repository({
      "a.yaml": `${GOOD}---\n${GOOD.replace("name: good", "name: better")}`,
      "b.yaml": GOOD.replace("Equal", "Equl").replace("type: int", "type: itn"),
      "c.yaml": NAMESPACE,
    });
    const { status, out } = await check(["-o", "junit", repo.root, "/no.yaml"], "", repo.root);
    expect(status).toBe(2);
    const suites = parse(out);
    expect(suites.attributes).toMatchObject({ tests: "6", failures: "2", errors: "1" });
    const cases = suites.inside.map(({ attributes, inside }) => [
      attributes.name?.replace(repo.root, ""),
      inside.map(({ attributes: { name, file, line }, inside: [result] }) =>
        [result?.name ?? "ok", file, line, name].join(" "),
      ),
    ]);
    expect(cases).toEqual([
      ["/a.yaml", ["ok a.yaml  good", "ok a.yaml  better"]],
      [
        "/b.yaml",
        [
          expect.stringContaining("failure b.yaml 11 11:17 type cannot be"),
          expect.stringContaining("failure b.yaml 17 17:25 operator cannot be"),
        ],
      ],
      ["/c.yaml", ["skipped c.yaml  holds no policy", expect.stringContaining("ok")]],
      ["/no.yaml", [expect.stringContaining("error /no.yaml  Cannot read")]],
    ]);
  });

  it("tells warnings, and fails by them if asked to", async () => {
    const warned = GOOD.replace("  name: good", "  name: good\n  namespace: other");
    const calm = parse((await check(["-o", "junit", "-"], warned)).out);
    expect(calm.attributes.failures).toBe("0");
    expect(calm.inside[0]?.inside.at(-1)).toMatchObject({
      name: "system-out",
      text: expect.stringContaining("its namespace is ignored"),
    });
    const strict = parse((await check(["-o", "junit", "--fail-on", "warning", "-"], warned)).out);
    expect(strict.attributes.failures).toBe("1");
  });

  it("stays XML whatever files are called and hold", async () => {
    using repo = repository({ [HOSTILE_NAME]: HOSTILE_POLICY });
    const { out } = await check(["-o", "junit", repo.root], "", repo.root);
    const suites = parse(out);
    expect(suites.inside).toHaveLength(1);
    const [failed] = suites.inside[0]?.inside ?? [];
    expect(failed?.attributes.file).toContain("<&\"'>]]>");
    expect(failed?.inside[0]?.text).toContain("::set-env name=A::b]]><!--&amp;");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\ufffe\u202e]/);
  });
});
