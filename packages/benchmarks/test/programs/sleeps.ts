/** Uses no processor time once it listens. */
import { listening } from "../../src/contestants/listening.ts";

listening(1);
