import { MongoClient } from "mongodb";

/** The size of the collection `messages` by its metadata: exact unless the server was killed. */
export async function countMessages(url: string): Promise<number> {
  const client = await MongoClient.connect(url);
  try {
    return await client.db().collection("messages").estimatedDocumentCount();
  } finally {
    await client.close();
  }
}
