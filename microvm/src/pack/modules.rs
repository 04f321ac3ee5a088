//! Which modules of a kernel are needed, in the order in which they must be loaded (`modinfo(8)`,
//! `modules.builtin` of kernel documentation "Kbuild").
//!
//! A package holds the modules but not the list of which needs which: that is made where it is installed
//! (`depmod(8)`). But each module says itself what it uses, in its ELF section `.modinfo`: zero-ended texts, one of
//! them `depends=a,b`. So the modules that are asked for are read, and those that they name, and so on.

use super::error::PackError;
use crate::decompress;
use isolab_timeline::file::At;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The kernel's list of what it has built in, by path.
const BUILT_IN: &str = "modules.builtin";

/// A module to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name, as the kernel says it.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
}

impl Module {
    /// The module as the kernel loads it: unpacked.
    pub fn read(&self) -> Result<Vec<u8>, PackError> {
        let file = fs::read(&self.path).at("reading the module", &self.path)?;
        decompress::module(file).map_err(|source| PackError::Compressed { path: self.path.clone(), source })
    }
}

/// The modules `wanted`, with all that they need before them, from a kernel's folder of modules. What is built in
/// is left out. A kernel without that folder has no modules: then all is built in, or the guest will say what is
/// not.
pub fn resolve(folder: &Path, wanted: &[&str]) -> Result<Vec<Module>, PackError> {
    let mut files = BTreeMap::new();
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.at("looking at", folder)?,
    };
    find(folder, &mut files)?;
    let list = folder.join(BUILT_IN);
    let built_in = fs::read_to_string(&list).at("reading", &list)?;
    let built_in = built_in.lines().filter_map(|path| name_of(Path::new(path))).collect();
    let mut order = Order { folder, files, built_in, open: Vec::new(), done: Vec::new() };
    for name in wanted {
        order.add(&name.replace('-', "_"), "this machine")?;
    }
    Ok(order.done)
}

/// Where the search is.
struct Order<'a> {
    folder: &'a Path,
    files: BTreeMap<String, PathBuf>,
    built_in: Vec<String>,
    /// Modules that wait for what they need: a circle would come back to one of them.
    open: Vec<String>,
    done: Vec<Module>,
}

impl Order<'_> {
    /// Adds a module behind all that it needs. `user` is who needs it.
    fn add(&mut self, name: &str, user: &str) -> Result<(), PackError> {
        if self.done.iter().any(|module| module.name == name) {
            return Ok(());
        }
        let Some(path) = self.files.get(name).cloned() else {
            if self.built_in.iter().any(|built_in| built_in == name) {
                return Ok(());
            }
            return Err(PackError::NoModule {
                name: name.into(),
                user: user.into(),
                folder: self.folder.into(),
            });
        };
        if self.open.iter().any(|open| open == name) {
            return Err(PackError::Circle(path));
        }
        let module = Module { name: name.into(), path };
        self.open.push(name.into());
        for needed in needs(&module)? {
            self.add(&needed, name)?;
        }
        self.open.pop();
        self.done.push(module);
        Ok(())
    }
}

/// What a module needs, in its own words.
fn needs(module: &Module) -> Result<Vec<String>, PackError> {
    let file = module.read()?;
    let refused = |why: String| PackError::NotAModule { path: module.path.clone(), why };
    let elf = ElfFile64::<Endianness>::parse(&*file).map_err(|error| refused(error.to_string()))?;
    let section =
        elf.section_by_name(".modinfo").ok_or_else(|| refused("it has no section .modinfo".into()))?;
    let texts = section.data().map_err(|error| refused(error.to_string()))?;
    let list = texts.split(|&byte| byte == 0).find_map(|text| text.strip_prefix(b"depends="));
    let list = String::from_utf8_lossy(list.unwrap_or_default()).replace('-', "_");
    Ok(list.split(',').filter(|name| !name.is_empty()).map(Into::into).collect())
}

/// Finds all modules below `folder`. Links (a host's `build` and `source`) lead elsewhere.
fn find(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), PackError> {
    for found in fs::read_dir(folder).at("reading the folder", folder)? {
        let found = found.at("reading the folder", folder)?;
        let (path, kind) = (found.path(), found.file_type().at("looking at", found.path())?);
        if kind.is_dir() {
            find(&path, files)?;
        } else if let Some(name) = name_of(&path).filter(|_| kind.is_file()) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The name of the module in a file called so, compressed or not; `None`: it is none.
fn name_of(path: &Path) -> Option<String> {
    let (name, ending) = path.file_name()?.to_str()?.split_once(".ko")?;
    matches!(ending, "" | ".gz" | ".xz" | ".zst").then(|| name.replace('-', "_"))
}
