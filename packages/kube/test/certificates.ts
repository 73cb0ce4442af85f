// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Certificate = { readonly cert: string; readonly key: string };
export type Authority = Certificate & {
  /** Signs a certificate for 127.0.0.1 and localhost, of a server or a client of that name. */
  issue(name: string): Certificate;
};

/** A certificate authority of its own, made by openssl(1); keys never lie in the repository. */
export function createAuthority(name: string): Authority {
  const directory = mkdtempSync(join(tmpdir(), "gander-ca-"));
  const file = (part: string) => join(directory, part);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const load = (part: string): Certificate => ({
    cert: readFileSync(file(`${part}.crt`), "utf8"),
    key: readFileSync(file(`${part}.key`), "utf8"),
  });
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-subj",
    `/CN=${name}`,
    "-days",
    "2",
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.crt"),
  );
  return {
    ...load("ca"),
    issue(subject) {
      writeFileSync(file("extensions"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
      openssl(
        "req",
        ...newKey,
        "-subj",
        `/CN=${subject}`,
        "-keyout",
        file("leaf.key"),
        "-out",
        file("leaf.csr"),
      );
      openssl(
        "x509",
        "-req",
        "-in",
        file("leaf.csr"),
        "-CA",
        file("ca.crt"),
        "-CAkey",
        file("ca.key"),
        "-days",
        "2",
        "-extfile",
        file("extensions"),
        "-out",
        file("leaf.crt"),
      );
      return load("leaf");
    },
  };
}
