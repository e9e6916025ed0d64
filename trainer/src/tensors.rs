//! Named tensors of 32-bit floats as a safetensors file, with one entry in the metadata that describes them. Any framework
//! reads this format, and a file cannot contain code.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// A dense tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// As many values as the shape has.
    pub values: Vec<f32>,
}

/// Reads the metadata entry `key`, if it exists, and all tensors.
///
/// # Errors
/// If the bytes are not a safetensors file, or a tensor does not have 32-bit floats.
pub fn decode(bytes: &[u8], key: &str) -> Result<(Option<String>, BTreeMap<String, Tensor>)> {
    const DAMAGED: &str = "not a safetensors file, or damaged";
    let (_, metadata) = SafeTensors::read_metadata(bytes).context(DAMAGED)?;
    let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(key)).cloned();
    let file = SafeTensors::deserialize(bytes).context(DAMAGED)?;
    let tensors = file.iter().map(|(name, view)| {
        ensure!(view.dtype() == Dtype::F32, "the tensor {name} does not have 32-bit floats");
        let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok((name.to_owned(), Tensor { shape: view.shape().to_vec(), values }))
    });
    Ok((entry, tensors.collect::<Result<_>>()?))
}

/// The bytes of a file with these tensors and one metadata entry.
///
/// # Errors
/// If the number of values of a tensor is not that of its shape.
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
    fn encoded_tensors_are_decoded() {
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
