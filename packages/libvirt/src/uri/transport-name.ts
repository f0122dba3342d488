/** How the bytes travel. */
export type TransportName = 'unix' | 'tcp' | 'tls' | 'ssh' | 'ext';
