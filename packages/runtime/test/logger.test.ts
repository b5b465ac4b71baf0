import { execFileSync } from "node:child_process";
import t from "tap";

const SCRIPT = `
import { createLogger } from "./packages/runtime/src/index.ts";
const log = createLogger("test", "trace");
const secret = "hunter2";
log.info({ token: secret, password: secret, secret }, "at the top");
log.info({ hello: { token: secret }, db: { password: secret }, key: { secret } }, "one below");
log.info({ req: { headers: { authorization: secret, cookie: secret, "sec-websocket-protocol": secret, host: "seen" } } }, "headers");
log.child({ token: secret }).warn("a child");
`;

t.test("no secret reaches a log, in any known field or header", async (t) => {
  const root = new URL("../../../", import.meta.url);
  const text = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", SCRIPT], {
    cwd: root,
    encoding: "utf8",
  });
  t.notMatch(text, /hunter2/);
  t.match(text, /"host":"seen"/);
  t.equal(text.match(/\[redacted\]/g)?.length, 10);
});
