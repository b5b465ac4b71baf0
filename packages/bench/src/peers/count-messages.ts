import { MongoClient } from "mongodb";

/** How many messages are in the collection `messages`, by its metadata: exact as long as the server was not killed. */
export async function countMessages(url: string): Promise<number> {
  const client = await MongoClient.connect(url);
  try {
    return await client.db().collection("messages").estimatedDocumentCount();
  } finally {
    await client.close();
  }
}
