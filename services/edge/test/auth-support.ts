export { cookie, JWT_ENV, token } from "@madang/test-kit";
