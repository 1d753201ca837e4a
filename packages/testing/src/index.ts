export { serve, RunningServer, type AnyServerClass, type ServeSettings } from "./serve.ts";
export { dial } from "./dial.ts";
export { talk, talkDatagram, type TalkSettings } from "./talk.ts";
export { runHandler, type HandlerOutcome, type HandlerSurroundings } from "./run-handler.ts";
export { leakCheck } from "./leak-check.ts";
