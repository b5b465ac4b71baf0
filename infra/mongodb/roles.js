// For mongosh, as an administrator, on the database that MONGODB_URL names: a role with what persistence needs, and its user.
// With initiate.js before it, as docker-compose.yml runs it; elsewhere by itself:
//   MADANG_MONGODB_PASSWORD=… mongosh "mongodb://admin@host/madang?authSource=admin" infra/mongodb/roles.js
// Neither dropping, nor other databases, nor users. Harmless when run again.
const name = db.getName();
const documents = ["find", "insert", "update", "remove", "createIndex", "listIndexes", "collStats"];
const collections = ["messages", "rooms", "dead_letters", "state", "jobs"];
const privileges = [
  ...collections.map((collection) => ({ resource: { db: name, collection }, actions: documents })),
  // The audit log is added to and finished; nothing is taken out of it.
  { resource: { db: name, collection: "audit" }, actions: ["find", "insert", "update", "collStats"] },
];
const role = "madangPersistence";
if (db.getRole(role)) db.updateRole(role, { privileges, roles: [] });
else db.createRole({ role, privileges, roles: [] });
const user = { pwd: process.env.MADANG_MONGODB_PASSWORD, roles: [{ role, db: name }] };
if (db.getUser("persistence")) db.updateUser("persistence", user);
else db.createUser({ user: "persistence", ...user });
