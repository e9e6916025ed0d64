//! Named tensors as a safetensors file, which any framework reads and which cannot run code: 32-bit floats, and one entry in
//! the metadata that says what they are.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Numbers in the order of their shape, the last dimension nearest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The entry of the metadata under `key`, where there is one, and all tensors.
pub fn decode(bytes: &[u8], key: &str) -> Result<(Option<String>, BTreeMap<String, Tensor>)> {
    const DAMAGED: &str = "not a safetensors file, or damaged";
    let (_, metadata) = SafeTensors::read_metadata(bytes).context(DAMAGED)?;
    let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(key)).cloned();
    let file = SafeTensors::deserialize(bytes).context(DAMAGED)?;
    let tensors = file.iter().map(|(name, view)| {
        ensure!(view.dtype() == Dtype::F32, "the tensor {name} is not of 32-bit floats");
        let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok((name.to_owned(), Tensor { shape: view.shape().to_vec(), values }))
    });
    Ok((entry, tensors.collect::<Result<_>>()?))
}

/// The file's bytes, with an entry of the metadata.
pub fn encode(tensors: &BTreeMap<String, Tensor>, key: &str, entry: String) -> Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> =
        tensors.values().map(|t| t.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, tensor), bytes)| Ok((name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?)));
    let metadata = HashMap::from([(key.to_owned(), entry)]);
    Ok(safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let tensor =
            |shape: &[usize], values: &[f32]| Tensor { shape: shape.to_vec(), values: values.to_vec() };
        let tensors = BTreeMap::from([
            ("b".to_owned(), tensor(&[2, 1], &[1.5, -0.0])),
            ("a".to_owned(), tensor(&[0], &[])),
            ("c".to_owned(), tensor(&[], &[f32::MIN_POSITIVE])),
        ]);
        let file = encode(&tensors, "what", "numbers".into()).unwrap();
        assert_eq!(decode(&file, "what").unwrap(), (Some("numbers".into()), tensors));
        assert_eq!(decode(&file, "else").unwrap().0, None);
        assert!(decode(&file[..file.len() - 1], "what").unwrap_err().to_string().contains("damaged"));
        assert!(decode(b"no", "what").unwrap_err().to_string().contains("damaged"));
    }
}
