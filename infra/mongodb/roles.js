// For mongosh, as an administrator, on the database that MONGODB_URL names: creates the role of persistence and its user.
// docker-compose.yml runs initiate.js first. Elsewhere, run it alone:
//   MADANG_MONGODB_PASSWORD=… mongosh "mongodb://admin@host/madang?authSource=admin" infra/mongodb/roles.js
// The role cannot drop collections, use other databases or manage users. Idempotent.
const name = db.getName();
const documents = ["find", "insert", "update", "remove", "createIndex", "listIndexes", "collStats"];
const collections = ["messages", "rooms", "dead_letters", "state", "jobs"];
const privileges = [
  ...collections.map((collection) => ({ resource: { db: name, collection }, actions: documents })),
  // The audit log is append-only: entries are added and completed, never removed.
  { resource: { db: name, collection: "audit" }, actions: ["find", "insert", "update", "collStats"] },
];
const role = "madangPersistence";
if (db.getRole(role)) db.updateRole(role, { privileges, roles: [] });
else db.createRole({ role, privileges, roles: [] });
const user = { pwd: process.env.MADANG_MONGODB_PASSWORD, roles: [{ role, db: name }] };
if (db.getUser("persistence")) db.updateUser("persistence", user);
else db.createUser({ user: "persistence", ...user });
