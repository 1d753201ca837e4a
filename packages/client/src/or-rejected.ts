/** What the work answers: the very same promise, so that who makes it knows all of it. What the work throws is a rejection. */
export function orRejected<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return work();
  } catch (error) {
    const { promise, reject } = Promise.withResolvers<Value>();
    reject(error);
    return promise;
  }
}
