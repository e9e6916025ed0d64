### Spanish. Formal address: usted.

## What the person should do. Left and right are the person's own.
prompt-step-back = Retroceda hasta que sus hombros estén en la imagen.
prompt-look-at-camera = Mire a la cámara.
prompt-turn-left = Gire la cabeza hacia la izquierda.
prompt-turn-right = Gire la cabeza hacia la derecha.
prompt-turn-up = Levante la barbilla.
prompt-turn-down = Baje la barbilla.

## The person is let in.
welcome = Le damos la bienvenida, { $name }.
unlocked = La puerta está desbloqueada.

## The person is not let in.
refused-not-recognized = No se ha reconocido su rostro.
refused-face-not-clear = Su rostro no se ve bien. Mire a la cámara.
refused-too-far = Acérquese más a la cámara.
refused-not-live = La puerta no ha podido confirmar que hay una persona. Inténtelo de nuevo.
refused-several-faces = Solo una persona a la vez ante la cámara, por favor.
refused-just-let-in = La puerta acaba de abrirse para usted. Espere un momento e inténtelo de nuevo.
refused-still-in-view = La puerta ya se ha abierto para usted. Salga de la imagen y vuelva.
refused-no-access = Usted no tiene acceso aquí. Diríjase al responsable de la puerta.
refused-outside-hours = Usted no tiene acceso a esta hora.
refused-paused = Demasiados intentos. Inténtelo más tarde.
refused-out-of-order = La puerta está fuera de servicio. Use otra entrada.
