import type { Test } from "tap";

/** A test, as far as the kit needs it: everything that the kit starts ends with the test that it was started for. */
export type Scope = Pick<Test, "teardown">;
