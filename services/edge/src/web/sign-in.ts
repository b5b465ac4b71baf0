/** Printable ASCII, as an HTTP request has it, that no browser takes for another host. */
const LOCAL_PATH = /^\/(?![/\\])[\x21-\x7e]*$/;
const NO_HOST = "http://host.invalid";

/**
 * The URL of the sign-in page, with the query parameter `return_to`: the path to come back to, on this host.
 * @param loginUrl an absolute URL, or a path on this host
 * @param path path and query of the request; anything that could lead to another host is replaced by `/`
 */
export function signInUrl(loginUrl: string, path: string): string {
  const url = new URL(loginUrl, NO_HOST);
  url.searchParams.set("return_to", LOCAL_PATH.test(path) ? path : "/");
  return url.origin === NO_HOST ? url.href.slice(NO_HOST.length) : url.href;
}
