/** Calls `send` at most once every `pause` ms and never twice at a time; in between only the newest value is kept. */
export class Paced<T> {
  #send: (value: T) => Promise<unknown>;
  #pause: number;
  #next: { value: T } | null = null;
  #busy = false;

  constructor(send: (value: T) => Promise<unknown>, pause: number) {
    this.#send = send;
    this.#pause = pause;
  }

  push(value: T): void {
    this.#next = { value };
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next) {
      const { value } = this.#next;
      this.#next = null;
      await Promise.all([this.#send(value), new Promise((done) => setTimeout(done, this.#pause))]);
    }
    this.#busy = false;
  }
}
