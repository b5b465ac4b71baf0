import type { FastifyHelmetOptions } from "@fastify/helmet";

/**
 * The pages load everything from this server and have no inline script, so a script injected into the HTML does not run.
 * No other site may embed them. `'self'` covers the WebSocket (CSP 3).
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
  // With "no-referrer", the browser would send our own forms with the origin "null".
  referrerPolicy: { policy: "same-origin" },
  // Only the proxy in front knows whether this host has TLS.
  strictTransportSecurity: false,
};
