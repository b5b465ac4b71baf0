/** The texts of the pages in English and Korean, and the choice between the two. */
import { ERRORS, type ErrorCode } from "@madang/protocol/browser";
import { EN } from "./english.ts";
import { KO, KO_ERRORS } from "./korean.ts";

/**
 * Placeholders: `{n}` and `{m}` are numbers, `{user}` and `{other}` names, `{until}` a time, `{field}` the label of a
 * field.
 */
export type Dictionary = Readonly<Record<keyof typeof EN, string>>;
export type Language = "en" | "ko";

/** Longer `Accept-Language` headers are cut off. */
const HEADER_MAX_LENGTH = 512;

export function dictionary(language: Language): Dictionary {
  return language === "ko" ? KO : EN;
}

/** The text of an error code. Korean falls back to the English table for errors that people do not meet here. */
export function errorText(language: Language, code: ErrorCode): string {
  return (language === "ko" ? KO_ERRORS[code] : undefined) ?? ERRORS[code].message;
}

/** Replaces each placeholder, written without its braces, by a value. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name) => String(values[name] ?? placeholder));
}

/** The better of the two languages for an `Accept-Language` header (RFC 9110, 12.5.4). */
export function chooseLanguage(acceptLanguage: string | undefined): Language {
  const weight = { ko: 0, en: 0 };
  for (const part of (acceptLanguage ?? "").slice(0, HEADER_MAX_LENGTH).split(",")) {
    const [range = "", ...parameters] = part.trim().toLowerCase().split(";");
    const language = range.split("-")[0];
    if (language !== "ko" && language !== "en") continue;
    const q = parameters.find((parameter) => parameter.trim().startsWith("q="));
    weight[language] = Math.max(weight[language], q === undefined ? 1 : Number(q.trim().slice(2)) || 0);
  }
  return weight.ko > weight.en ? "ko" : "en";
}
