/** Numbers of bytes for people: decimal units, as disks and downloads are sold. */

/** `60.63 GB`, `4.2 MB`, `512 bytes` */
export function sayBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes >= 1e4) return `${(bytes / 1e3).toFixed(1)} KB`;
  return `${bytes} bytes`;
}

/** `8,192` */
export function sayCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
