/**
 * MessagePack, apart from the rest because it needs the package `msgpackr`.
 *
 * @module
 */

export { messagePack } from "./formats/message-pack.ts";
