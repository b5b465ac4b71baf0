import { fileURLToPath } from "node:url";
import fastifyView from "@fastify/view";
import { ERRORS, type ErrorCode } from "@madang/protocol";
import { Eta } from "eta";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { serveAssets } from "./assets.ts";
import { chooseLanguage, type Dictionary, dictionary, errorText } from "./shared/dictionary.ts";

const UNAUTHORIZED = 401;

/** Renders the pages, each in the language that its reader prefers. */
export interface Templates {
  show(request: FastifyRequest, reply: FastifyReply, view: "index" | "room", data: object): FastifyReply;
  showError(request: FastifyRequest, reply: FastifyReply, code: ErrorCode): FastifyReply;
  /** For a person without a valid token, where no sign-in page is configured. */
  showNoLoginPage(request: FastifyRequest, reply: FastifyReply): FastifyReply;
  dictionaryFor(request: FastifyRequest): Dictionary;
}

export async function openTemplates(app: FastifyInstance): Promise<Templates> {
  const assets = await serveAssets(app);
  await app.register(fastifyView, {
    engine: { eta: new Eta() },
    root: fileURLToPath(new URL("../../views", import.meta.url)),
    layout: "layout.eta",
    production: true,
  });

  const languageOf = ({ headers }: FastifyRequest) => chooseLanguage(headers["accept-language"]);
  const render = (request: FastifyRequest, reply: FastifyReply, view: string, data: object): FastifyReply => {
    const language = languageOf(request);
    reply.header("cache-control", "no-store").header("vary", "accept-language").type("text/html; charset=utf-8");
    return reply.view(`${view}.eta`, { assets, language, t: dictionary(language), ...data });
  };
  const dictionaryFor = (request: FastifyRequest) => dictionary(languageOf(request));
  return {
    dictionaryFor,
    show: (request, reply, view, data) => render(request, reply, view, { page: view, ...data }),
    showError: (request, reply, code) =>
      render(request, reply.code(ERRORS[code].status), "error", {
        heading: dictionaryFor(request).badPage,
        message: errorText(languageOf(request), code),
        hasWayBack: true,
      }),
    showNoLoginPage: (request, reply) => {
      const { signInTitle, noLoginPage } = dictionaryFor(request);
      const data = { heading: signInTitle, message: noLoginPage, hasWayBack: false };
      return render(request, reply.code(UNAUTHORIZED), "error", data);
    },
  };
}
