// For mongosh, on the first of three servers that share a key file: creates the replica set and its administrator, and
// authenticates as that administrator for roles.js. Idempotent.
//   MADANG_MONGODB_ADMIN_PASSWORD=… MADANG_MONGODB_PASSWORD=… mongosh mongodb://127.0.0.1/madang initiate.js roles.js
const admin = db.getSiblingDB("admin");
const pwd = process.env.MADANG_MONGODB_ADMIN_PASSWORD;
try {
  admin.auth("admin", pwd);
} catch (error) {
  if (error.codeName !== "AuthenticationFailed") throw error;
  // No user exists yet. MongoDB allows only the following from the server's own address.
  try {
    const hosts = ["mongo-1:27017", "mongo-2:27017", "mongo-3:27017"];
    // The first member becomes primary if it can, because this script needs the primary here.
    rs.initiate({ _id: "rs0", members: hosts.map((host, _id) => ({ _id, host, priority: _id === 0 ? 2 : 1 })) });
  } catch (error) {
    if (error.codeName !== "AlreadyInitialized") throw error;
  }
  while (!admin.hello().isWritablePrimary) sleep(200);
  admin.createUser({ user: "admin", pwd, roles: ["root"] });
  admin.auth("admin", pwd);
}
while (!admin.hello().isWritablePrimary) sleep(200);
