import type { FastifyHelmetOptions } from "@fastify/helmet";

/**
 * What the pages may load, and who may embed them. Everything comes from this server and nothing is inline, so a
 * script that gets into the HTML by a mistake of ours still does not run. `'self'` covers the WebSocket (CSP 3).
 */
export const PAGE_SECURITY: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      "default-src": ["'none'"],
      "script-src": ["'self'"],
      "style-src": ["'self'"],
      "img-src": ["'self'", "data:"],
      "connect-src": ["'self'"],
      "form-action": ["'self'"],
      "base-uri": ["'none'"],
      "frame-ancestors": ["'none'"],
      "require-trusted-types-for": ["'script'"],
    },
  },
  frameguard: { action: "deny" },
  // Not "no-referrer": that would make the origin of our own forms unknown to us.
  referrerPolicy: { policy: "same-origin" },
  // Whether this host speaks TLS is the proxy's knowledge, not ours.
  strictTransportSecurity: false,
};
