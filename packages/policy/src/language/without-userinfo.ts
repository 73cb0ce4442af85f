// SPDX-License-Identifier: Apache-2.0

/** With asterisks for each character of the user and the password in URLs, so that columns stay the same. */
export const withoutUserinfo = (text: string): string =>
  text.replace(
    /([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s/?#"'\\]{1,2000})@/gi,
    (_, start: string, userinfo: string) => `${start}${"*".repeat(userinfo.length)}@`,
  );
