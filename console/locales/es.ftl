### Spanish.

## On every page.
skip = Ir al contenido
nav = Páginas
nav-door = Puerta
nav-live = Imagen en directo
nav-account = Cuenta
sign-out = Cerrar sesión
cancel = Cancelar
save = Guardar
duration-minutes = { $number } min
duration-hours = { $number } h
duration-days = { $number } días

## Signing in.
sign-in-title = Iniciar sesión
sign-in = Iniciar sesión
sign-in-name = Nombre
sign-in-password = Contraseña
sign-in-wrong = El nombre o la contraseña no son correctos.
sign-in-pair = Tengo un código de un solo uso
done-signed-out = Ha cerrado la sesión.
done-signed-out-everywhere = Se ha cerrado la sesión en todos los navegadores.

## Pairing a browser by a one-time code.
pair-title = Vincular este navegador
pair-how = Un administrador obtiene un código en la placa con:
pair-code = Código de un solo uso
pair = Vincular
pair-sign-in = Tengo una cuenta
pair-wrong-code = Este código no es válido: está mal escrito, ya se usó o ha caducado. Pida otro.
done-paired = Bienvenido, { $name }. A partir de ahora, inicie sesión con este nombre y su contraseña.

## Passwords.
password-new = Contraseña nueva
password-again = Contraseña nueva otra vez
password-current = Contraseña actual
password-hint = Al menos { $number } caracteres.
password-too-short = La contraseña necesita al menos { $number } caracteres.
password-too-long = La contraseña es demasiado larga.
password-too-easy = La contraseña es demasiado fácil de adivinar.
password-differs = Las dos contraseñas son distintas.
password-wrong = La contraseña actual no es correcta.

## The door.
door-title = Puerta
mode-normal = Normal: las personas registradas pueden entrar
mode-held-open = Se mantiene abierta { $number } min más
mode-locked-down = Bloqueada: las caras no abren la puerta
mode-fault = Bloqueada por un fallo hasta reiniciar
state-no-relay = No hay ningún relé configurado: nada se abre.
state-no-camera = La cámara no da imágenes.
state-contact = Contacto de puerta
state-open = abierta
state-closed = cerrada
state-unknown = desconocido
state-exit = Botón de salida
state-pressed = pulsado
state-not-pressed = sin pulsar
state-people = Personas registradas
state-liveness = Detección de fotos
state-model = Modelo
state-version = Versión
state-uptime = En marcha desde hace
door-control = Abrir y bloquear
door-open = Abrir la puerta
door-hold-for = Mantener abierta durante
door-hold = Mantener abierta
door-normal = Volver a lo normal
door-lockdown = Bloquear
door-lockdown-hint = Durante un bloqueo, ninguna cara abre la puerta. El botón de salida sí.
open-title = ¿Abrir la puerta?
open-question = La puerta «{ $name }» se abre una vez, para cualquiera que esté delante.
done-opened = La puerta se ha abierto.
done-held = La puerta se mantiene abierta.
done-locked-down = La puerta está bloqueada.
done-normal = La puerta funciona como siempre.

## The live picture. What a person before the camera should do.
live-title = Imagen en directo
live-picture = La imagen de la cámara de la puerta
live-waiting = Esperando una imagen …
live-lost = No hay conexión. Se vuelve a intentar.
live-nobody = No hay nadie a la vista.
live-failed = La puerta no da ninguna imagen.
live-unknown = persona desconocida
advice-too-small = acercarse
advice-too-dark = demasiado oscuro: iluminar la cara
advice-too-bright = demasiado claro: evitar la luz en la cámara
advice-blurred = borroso: quedarse quieto
advice-turned-away = mirar de frente a la cámara
advice-tilted = mantener la cabeza recta
advice-eyes-covered = los ojos están tapados: quitarse las gafas oscuras
advice-mouth-covered = la boca está tapada: quitarse la mascarilla
advice-cut-off = el borde de la imagen corta la cara: entrar en la imagen
advice-not-upright = la cabeza está al revés, de lado o casi tapada

## The account.
account-title = Cuenta
account-name = Nombre
account-role = Función
role-viewer = observador: puede mirar
role-operator = operador: también puede abrir y bloquear
role-admin = administrador: puede hacerlo todo
account-language = Idioma
account-language-browser = Como el navegador
account-password = Contraseña
account-change-password = Cambiar la contraseña
account-sessions = Navegadores con sesión abierta
account-session-began = Sesión iniciada
account-session-used = último uso
account-sign-out-everywhere = Cerrar todas las sesiones
done-language = El idioma se ha guardado.
done-password = La contraseña se ha cambiado. Se ha cerrado la sesión en los demás navegadores.

## Errors.
error-title = Esto no funciona
error-back = Volver a la primera página
error-not-signed-in = No ha iniciado sesión.
error-account-ended = Esta cuenta ya no es válida. Pida un código nuevo a un administrador.
error-not-allowed = Su función no lo permite.
error-refused = La puerta lo rechaza. Dice:
error-door-silent = La puerta no responde. Quizá se esté reiniciando; inténtelo de nuevo en un minuto.
error-not-found = Esta página no existe.
error-other-site = La petición vino de otro sitio y se rechazó. Abra la página de la consola e inténtelo de nuevo.
error-bad-request = El formulario está incompleto. Vuelva atrás e inténtelo de nuevo.
error-too-large = Lo enviado es demasiado grande.
error-too-many = Demasiados intentos. Espere un minuto e inténtelo de nuevo.
error-busy = La consola está ocupada. Inténtelo de nuevo en un momento.
error-internal = La consola tiene un error. Su registro dice más.
