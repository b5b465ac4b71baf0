// For mongosh: makes the three servers a replica set, once, and waits for its primary. Harmless when run again.
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({
    _id: "rs0",
    members: ["mongo-1", "mongo-2", "mongo-3"].map((host, _id) => ({ _id, host: `${host}:27017` })),
  });
}
while (!rs.status().members.some(({ stateStr }) => stateStr === "PRIMARY")) sleep(200);
