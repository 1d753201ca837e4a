import { handOverPicture } from "./hand-over-picture.ts";
import { lifePicture } from "./life-picture.ts";
import { messagesPicture } from "./messages-picture.ts";
import { serverClassesPicture } from "./server-classes-picture.ts";
import { shutdownPicture } from "./shutdown-picture.ts";

/** Every diagram, by the name of its file in `docs/diagrams`. */
export const PICTURES: Readonly<Record<string, () => string>> = {
  "hand-over.svg": handOverPicture,
  "life-of-a-connection.svg": lifePicture,
  "messages.svg": messagesPicture,
  "shutdown.svg": shutdownPicture,
  "which-server-class.svg": serverClassesPicture,
};
