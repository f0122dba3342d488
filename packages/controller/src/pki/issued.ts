/**
 * What the authority issued to nodes, a line of JSON each, on the disk before the certificate is handed out: what is to be
 * revoked one day must be known by its number. Of what has ended nothing is kept.
 */
import { open, readFile, rename, writeFile } from 'node:fs/promises';

export interface IssuedTo {
  node: string;
  /** Hex, upper case, even number of digits: as OpenSSL writes it. */
  serial: string;
  endsMs: number;
}

export class IssuedCertificates {
  readonly #path: string;
  readonly #all: IssuedTo[];
  /** A disk that was full may have taken half of the last line. */
  #torn = false;

  private constructor(path: string, all: IssuedTo[]) {
    this.#path = path;
    this.#all = all;
  }

  static async open(path: string, nowMs: number): Promise<IssuedCertificates> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const alive = text
      .split('\n')
      .flatMap(parsed)
      .filter(({ endsMs }) => endsMs > nowMs);
    const kept = alive.map((each) => `${JSON.stringify(each)}\n`).join('');
    if (kept !== text) {
      await writeFile(`${path}.new`, kept, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
    }
    return new IssuedCertificates(path, alive);
  }

  /** Durable when it returns. */
  async add(issued: IssuedTo): Promise<void> {
    const file = await open(this.#path, 'a', 0o600);
    try {
      const line = `${this.#torn ? '\n' : ''}${JSON.stringify(issued)}\n`;
      this.#torn = true;
      await file.appendFile(line);
      await file.sync();
      this.#torn = false;
    } finally {
      await file.close();
    }
    this.#all.push(issued);
  }

  /** Of nodes that are not among these. */
  ofOthers(nodes: ReadonlySet<string>, nowMs: number): IssuedTo[] {
    return this.#all.filter(({ node, endsMs }) => endsMs > nowMs && !nodes.has(node));
  }
}

/** The last line may have been cut off by a crash: its certificate was never handed out. */
function parsed(line: string): IssuedTo[] {
  try {
    const { node, serial, endsMs } = JSON.parse(line) as IssuedTo;
    return /^([0-9A-F]{2})+$/.test(serial) && Number.isFinite(endsMs) ? [{ node, serial, endsMs }] : [];
  } catch {
    return [];
  }
}
