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

## Settings.
settings-title = Ajustes
settings-last = El último cambio fue de { $name }.
settings-undo = Deshacer
settings-no-undo = No hay ningún cambio que deshacer.
settings-allowed = Permitido:
settings-default = Por defecto:
settings-example = Ejemplo:
settings-origin = Procede de:
settings-restart = Un cambio exige reiniciar la puerta.
settings-reset = Volver a los archivos del propietario o al valor por defecto
settings-others = Otras claves
settings-others-hint = Estas claves solo se cambian en los archivos del propietario en el aparato, porque protegen la puerta.
settings-not-set = sin definir
done-setting = { $name } se ha cambiado.
done-setting-reset = { $name } vuelve a ser como en los archivos del propietario o por defecto.
done-setting-undone = El cambio de { $name } se ha deshecho.

## The camera on the page of the live picture.
camera-title = Cámara
camera-again = Mostrar una imagen nueva
camera-light = Luz
camera-dark = demasiado oscuro: iluminar el lugar ante la puerta
camera-bright = demasiado claro: apartar la cámara de la luz
camera-good = bien
camera-focus = Nitidez
camera-blurred = borroso: enfocar o limpiar el objetivo
camera-rotate = Girar 90° a la derecha
camera-mirror = Intercambiar izquierda y derecha
camera-unmirror = No intercambiar izquierda y derecha
camera-region = Zona
camera-region-hint = Solo se buscan caras en esta parte de la imagen, en píxeles. Al girar la imagen se elimina la zona.
camera-region-set = La imagen solo muestra la zona; elimínela para elegir una mayor.
camera-draw = Dibujar la zona en la imagen
camera-x = Desde la izquierda
camera-y = Desde arriba
camera-width = Anchura
camera-height = Altura
camera-remove = Eliminar la zona
done-camera = La cámara se ha cambiado. La imagen puede tardar unos segundos.

## Work that takes long.
work-runs = La puerta está en ello. Esta página muestra el avance; puede salir de ella.
work-over = Ha terminado.

## Models.
models-title = Modelos
models-busy = Hay en curso una comprobación o un cambio de modelos.
models-overridden = models.dir está definido: cuenta esa carpeta y ningún paquete.
models-shipped = Se usan los modelos incluidos en el programa.
models-bundle = Paquete { $number }
models-active = en uso
models-probation = a prueba
models-created = Creado
models-expires = Caduca
models-expired = Caducado
models-model = Modelo
models-verify = Comprobar
models-verify-one = Comprobar el paquete { $number }
models-verify-title = Comprobación de los modelos
models-activate = Usar
models-activate-one = Usar el paquete { $number }
models-activate-title = Cambiar los modelos
models-activate-question = El paquete { $number } reemplaza los modelos en uso.
models-rollback = Volver a los modelos anteriores
models-rollback-title = Volver atrás
models-rollback-question = Los modelos que se usaban antes reemplazan los actuales.
models-minutes = La puerta calcula las plantillas de todas las personas, lo que tarda un minuto o más. Mientras tanto sigue funcionando.
models-without = Personas sin fotos guardadas
models-without-hint = No se puede calcular ninguna plantilla de estas personas. La puerta rechaza el cambio si no las marca; después hay que registrarlas de nuevo.
models-templates = Plantillas: { $number }
models-good = bien
models-bad = mal:
models-refused = Los modelos no se han cambiado. La puerta dice:
models-in-use = El paquete { $number } está en uso.
models-computed = Plantillas calculadas: { $number }.
models-strangers = Hay que registrar de nuevo a estas personas:
models-none = No hay ningún paquete guardado. En el aparato, esta orden descarga uno:
models-back = A los modelos

## Setting up a door.
setup-title = Puesta en marcha
setup-hint = En este orden. Puede saltarse un paso y volver.
setup-done = hecho
setup-open = pendiente
setup-back = Volver a la puesta en marcha
setup-name = Nombre e idioma
setup-name-hint = La puerta se llama { $name }. Se cambia en el aparato: door.name en /etc/ostiary/ostiary.toml.
setup-language = Idioma en que la puerta se dirige a la gente
setup-camera = La cámara
setup-camera-hint = Oriente la cámara de modo que las caras estén derechas, bien iluminadas y nítidas.
setup-person = La primera persona
setup-person-hint = Personas registradas: { $number }.
setup-people = A las personas
setup-relay = El relé
setup-relay-hint = El relé recibe un pulso y la puerta se abre. Póngase al lado y escuche el clic. El paso está hecho cuando una orden ha abierto la puerta.
setup-relay-name = Para confirmar, escriba el nombre de la puerta: { $name }
setup-relay-test = Probar el relé
setup-recognized = Alguien es reconocido
setup-recognized-hint = Póngase ante la cámara como persona registrada: la puerta se abre.
setup-liveness-hint = Pruebe en esta puerta qué fotos deja pasar y con qué frecuencia rechaza a su propia gente.
setup-liveness-off = liveness.level está desactivado: una foto de una persona registrada abre la puerta. Solo se cambia en los archivos del propietario.
setup-health = El estado de todas las partes
setup-health-hint = La puerta comprueba todo lo que necesita y dice cómo corregir cada fallo.
setup-mqtt = Home Assistant (MQTT) y lo que protege la puerta se configuran en el aparato, con:
done-relay = El relé se ha accionado una vez. ¿Ha hecho clic? Si no, revise el cableado.

## Tests of liveness.
liveness-title = Prueba con fotos
liveness-work-title = Prueba con fotos: una parte en curso
liveness-busy = Hay en curso una parte de una prueba.
liveness-results = Resultados
liveness-changed = La última prueba ya no cuenta. Desde entonces cambió:
liveness-none = Todavía no se ha probado nada.
liveness-part = Parte
liveness-errors = Errores
liveness-interval = Intervalo del 95 %
liveness-parts = Empezar una parte
liveness-impossible = No puede empezar ninguna prueba. La puerta dice:
liveness-hint = La puerta cuenta lo que se le muestra. Mientras tanto nadie más debería acercarse. Una parte termina por sí sola, con su botón, o si nadie mira su página durante diez minutos.
liveness-presentations = Cuántas veces
liveness-begin = Empezar
liveness-counted = Contados: { $number }
liveness-end = Terminar esta parte
liveness-back = A todas las partes y los resultados
done-liveness-ending = La parte termina cuando ya no hay nada a la vista.
