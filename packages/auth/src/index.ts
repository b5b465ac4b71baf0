export * from "./authenticator.ts";
export * from "./credentials.ts";
export * from "./identity.ts";
export * from "./permissions.ts";
export * from "./settings.ts";
