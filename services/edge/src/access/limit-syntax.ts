import { badValue, type Rate } from "@madang/runtime";

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const RATE = /^([1-9][0-9]{0,8})\/([1-9][0-9]{0,8})(ms|s|m|h)$/;
const COUNT = /^[1-9][0-9]{0,8}$/;

/** Reads a rate such as `120/60s`, or `off` (`undefined`). @throws ConfigError */
export function parseRate(variable: string, text: string): Rate | undefined {
  if (text === "off") return undefined;
  const match = RATE.exec(text);
  if (!match) throw badValue(variable, "like 120/60s, or off", text);
  return { count: Number(match[1]), windowMs: Number(match[2]) * UNIT_MS[match[3] as keyof typeof UNIT_MS] };
}

/** Reads a whole number from 1, or `off` (infinity). @throws ConfigError */
export function parseCount(variable: string, text: string): number {
  if (text === "off") return Number.POSITIVE_INFINITY;
  if (!COUNT.test(text)) throw badValue(variable, "a whole number from 1 to 999999999, or off", text);
  return Number(text);
}
