/** A file and where it lies. `File`s of a drop know no path, and any `File` may lose its own on the way to a worker. */
export interface FileAt {
  readonly file: File;
  /** From above the model's folder or from inside it, `/` between parts. */
  readonly path: string;
}

/** The path that a file picker gave to a `File`, beside the file. Goes before posting files to a worker. */
export function withPath(file: File | FileAt): FileAt {
  return file instanceof File ? { file, path: file.webkitRelativePath || file.name } : file;
}
