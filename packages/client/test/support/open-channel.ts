import { ReconnectingChannel, type Channel } from "@socketserver/client";

/** Keeps the channel of each connection, for tests that look at the moment at which one is lost. */
export class OpenChannel extends ReconnectingChannel<string> {
  readonly channels: Channel<string>[] = [];

  protected override setup(channel: Channel<string>): void {
    this.channels.push(channel);
  }
}
