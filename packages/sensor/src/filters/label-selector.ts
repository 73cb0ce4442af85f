// SPDX-License-Identifier: Apache-2.0

export type Labels = Readonly<Record<string, string>>;

type Requirement = (labels: Labels) => boolean;

/**
 * A label selector in Kubernetes' text form: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`,
 * separated by commas; all of them must hold
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api).
 */
export function labelSelector(text: string): Requirement | { readonly problem: string } {
  if (text.length > maxLength)
    return { problem: `a label selector may have ${maxLength} characters` };
  const requirements: Requirement[] = [];
  // Commas inside parentheses separate values.
  for (const part of text.split(/,(?![^(]*\))/)) {
    const requirement = parseRequirement(part.trim());
    if (requirement === undefined)
      return {
        problem: `"${part.trim()}" is no label requirement such as app=web or tier in (a,b)`,
      };
    requirements.push(requirement);
  }
  return (labels) => requirements.every((holds) => holds(labels));
}

/** Finding the commas between requirements takes quadratic time. */
const maxLength = 4096;

const key = String.raw`([A-Za-z0-9][\w./-]*)`;
const setForm = new RegExp(String.raw`^${key}\s+(in|notin)\s*\(([^()]*)\)$`);
const equalForm = new RegExp(String.raw`^${key}\s*(==|=|!=)\s*([\w.-]*)$`);
const existsForm = new RegExp(`^(!?)\\s*${key}$`);

function parseRequirement(text: string): Requirement | undefined {
  const set = setForm.exec(text);
  if (set !== null) {
    const [, name = "", operator, list = ""] = set;
    const values = new Set(list.split(",").map((value) => value.trim()));
    // As in Kubernetes, notin also holds if the label is absent.
    return operator === "in"
      ? (labels) => Object.hasOwn(labels, name) && values.has(labels[name] ?? "")
      : (labels) => !Object.hasOwn(labels, name) || !values.has(labels[name] ?? "");
  }
  const equal = equalForm.exec(text);
  if (equal !== null) {
    const [, name = "", operator, value = ""] = equal;
    return operator === "!="
      ? (labels) => labels[name] !== value
      : (labels) => labels[name] === value;
  }
  const exists = existsForm.exec(text);
  if (exists === null) return undefined;
  const [, not, name = ""] = exists;
  return (labels) => Object.hasOwn(labels, name) === (not === "");
}
