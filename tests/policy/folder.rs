//! A folder that is gone after its test.

use std::path::PathBuf;

/// A folder for the files of one test.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a folder; the name tells it from those of other tests.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mcp-policy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Makes a folder with these files.
    pub fn holding(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self::new(name);
        for (name, text) in files {
            folder.with(name, text);
        }
        folder
    }

    /// Returns its own path.
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Returns the path of a file in it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file in it, and returns its path.
    pub fn with(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
